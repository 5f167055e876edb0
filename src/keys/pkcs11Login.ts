import { KeysError, messageOf } from "./errors.ts";
import type { Pin, PinSource } from "./pin.ts";
import { ck, ckrOf, type Pkcs11Handle, type Pkcs11Module, type Pkcs11TokenInfo } from "./pkcs11Module.ts";

const aboutPin: ReadonlySet<number | undefined> = new Set([
  ck.CKR_PIN_INCORRECT,
  ck.CKR_PIN_INVALID,
  ck.CKR_PIN_LEN_RANGE,
  ck.CKR_PIN_LOCKED,
]);

/**
 * Logs in to a token with its PIN, once: a wrong PIN is never tried a second time, and one that nobody has just typed is
 * not used when the token would lock.
 * @param location for errors: `token publisher`
 * @returns the PIN, for keys that want it again; undefined when it is typed on the reader, or none is needed
 * Errors: KEYS_PIN, and whatever the source throws.
 */
export async function logIn(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  { flags }: Pkcs11TokenInfo,
  pins: PinSource,
  location: string,
): Promise<string | undefined> {
  if ((flags & ck.CKF_LOGIN_REQUIRED) === 0) {
    return undefined;
  }
  if ((flags & ck.CKF_USER_PIN_LOCKED) !== 0) {
    throw new KeysError("KEYS_PIN", `the PIN of ${location} is locked`);
  }
  if ((flags & ck.CKF_USER_PIN_INITIALIZED) === 0) {
    throw new KeysError("KEYS_PIN", `${location} has no PIN yet`, {
      hint: "Set its user PIN with the token's own tool.",
    });
  }
  const finalTry = (flags & ck.CKF_USER_PIN_FINAL_TRY) !== 0;
  const onReader = (flags & ck.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0;
  const pin = onReader ? undefined : await pins({ token: location, finalTry });
  if (!onReader && pin === undefined) {
    throw new KeysError("KEYS_PIN", `${location} needs its PIN`, {
      hint: "Give it on a terminal, or as `pinVariable` or `pinFile` in keys.json says (docs/keys.md).",
    });
  }
  if (finalTry && pin?.typed === false) {
    throw new KeysError(
      "KEYS_PIN",
      `${location} locks after one more wrong PIN, so the one from ${pin.origin} is not tried`,
      {
        hint: "Type the PIN on a terminal, with that variable or file taken away: a right one resets the count.",
      },
    );
  }
  enter(module, session, ck.CKU_USER, pin, location);
  return pin?.pin;
}

/** The PIN once more, for a single signature. Errors: KEYS_PIN. */
export function authenticateAgain(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  pin: string | undefined,
  location: string,
): void {
  const again = pin === undefined ? undefined : { pin, origin: "before", typed: false };
  enter(module, session, ck.CKU_CONTEXT_SPECIFIC, again, location);
}

function enter(
  module: Pkcs11Module,
  session: Pkcs11Handle,
  user: number,
  pin: Pin | undefined,
  location: string,
): void {
  try {
    module.C_Login(session, user, pin?.pin);
  } catch (cause) {
    const code = ckrOf(cause);
    if (code === ck.CKR_USER_ALREADY_LOGGED_IN) {
      return;
    }
    if (code === ck.CKR_PIN_LOCKED) {
      throw new KeysError("KEYS_PIN", `the PIN of ${location} is locked`, { cause });
    }
    if (aboutPin.has(code)) {
      const from = pin === undefined || pin.typed ? "" : ` (from ${pin.origin})`;
      throw new KeysError("KEYS_PIN", `the PIN${from} is not that of ${location}`, { cause });
    }
    throw new KeysError("KEYS_TOKEN", `${location} refused to log in: ${messageOf(cause)}`, { cause });
  }
}
