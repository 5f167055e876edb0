import type { CurrentCollection } from "./currentCollection.ts";
import type { ServerContext } from "./serverContext.ts";

type Context = Pick<ServerContext, "reader" | "writer" | "now" | "log">;

/**
 * The current collection as it may be handed out, renewed if need be; undefined when there is none.
 * @throws ServerError SERVER_UNREADABLE when it has expired and cannot be renewed, and what reading throws
 */
export async function freshCollection(context: Context, gun: string): Promise<CurrentCollection | undefined> {
  const collection = await context.reader.collection(gun);
  return collection === undefined || isFresh(context, collection) ? collection : context.writer.renew(gun);
}

/** Whether timestamp and snapshot may be handed out as they are. One that expires soon is renewed in the background. */
export function isFresh({ writer, now, log }: Context, collection: CurrentCollection): boolean {
  const moment = now().getTime();
  if (writer.isExpired(collection, moment)) {
    return false;
  }
  if (writer.isExpiring(collection, moment)) {
    const { gun } = collection.timestamp;
    writer.renewAhead(gun).catch((err: unknown) => {
      log.warn({ err, gun }, "a timestamp that expires soon could not be renewed; it is still served");
    });
  }
  return true;
}
