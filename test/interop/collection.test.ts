import { collectionLife } from "../contracts/collectionLife.ts";
import { startNotaryServer } from "../support/notaryServer.ts";
import { requirePeer } from "../support/peers.ts";
import { ListeningServer } from "../support/trustServer.ts";

collectionLife("our trust server", (t) => ListeningServer.start(t));
collectionLife("the original notary-server", async (t) =>
  requirePeer(t, "notary-server") ? startNotaryServer(t) : undefined,
);
