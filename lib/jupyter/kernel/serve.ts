/** Starts a kernel: the protocol at once, its parts as soon as they have loaded. */

import { CheckedSession } from "./checked-session.js";
import { Host, type HostOptions } from "./protocol/host.js";
import type { Session, Types } from "./seams.js";

/** @param load makes the two parts that know the language. */
export async function serve(
  options: HostOptions,
  load: () => Promise<{ session: Session; types: Types }>,
): Promise<void> {
  const host = new Host(options);
  Object.assign(globalThis, host.globals);
  const { session, types } = await load();
  host.serve(new CheckedSession(session, types));
}
