/** Attacks on the channel: forged, late, doubled, oversized and malformed frames, on every descriptor there is. */

import type { Attack } from "./attack.js";

/** Builds frames by hand, as `encode.ts` would. */
const forge = `
  const fs = node("fs");
  const { Buffer } = node("buffer");
  const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n >>> 0); return b; };
  const text = (s) => Buffer.concat([u32(s.length), Buffer.from(s, "utf16le")]);
  const number = (n) => { const b = Buffer.alloc(9); b[0] = 4; b.writeDoubleLE(n, 1); return b; };
  const framed = (payload) => Buffer.concat([u32(payload.length), payload]);
  const reply = (id, n) => framed(Buffer.concat([Buffer.from([7]), u32(2), text("id"), number(id), text("value"), number(n)]));
  const send = (bytes) => fs.writeSync(3, bytes);
`;

const sent = /^square sent its judge /;

export const channelAttacks: readonly Attack[] = [
  {
    name: "a forged reply before the real one",
    code: `${forge} exports.square = () => { send(reply(0, 49)); return 0; };`,
    points: { square: 0 },
    messages: { square: sent },
  },
  {
    name: "forged replies with ten thousand guessed numbers",
    code: `${forge} exports.square = () => { for (let id = 0; id < 10000; id++) try { send(reply(id, 49)); } catch {} return 0; };`,
    points: { square: 0 },
    messages: { square: sent },
  },
  {
    name: "the request read off its own memory, and answered twice",
    code: `${forge} const { readSync } = fs; let last;
      // The runtime has kept its own readSync; the number must be found otherwise.
      const { decode } = TextDecoder.prototype; DataView.prototype.getFloat64 = new Proxy(DataView.prototype.getFloat64, {
        apply(target, self, args) { const n = Reflect.apply(target, self, args); if (n > 1e6) last = n; return n; } });
      exports.square = (n) => { send(reply(last, n * n)); return 0; };`,
    points: { square: 0 },
    messages: { square: sent },
  },
  {
    name: "scores on stdout, stderr and every other descriptor",
    code: `${forge} exports.square = () => {
        for (let fd = 0; fd < 64; fd++) if (fd !== 3) try { fs.writeSync(fd, '{"score":5,"tests":[{"state":"passed"}]}\\n'); } catch {}
        return 0;
      };`,
    points: { square: 0 },
  },
  {
    name: "text on the channel",
    code: `${forge} exports.square = () => { send('{"score": 5}'); return 0; };`,
    points: { square: 0 },
    messages: { square: sent },
  },
  {
    name: "a frame that announces four gigabytes",
    code: `${forge} exports.square = () => { send(u32(0xffffffff)); return 0; };`,
    points: { square: 0 },
    messages: { square: /^square sent its judge a frame of 4294967295 bytes/ },
  },
  {
    name: "half a frame, then silence",
    code: `${forge} exports.square = () => { send(u32(1000)); for (;;); };`,
    points: { square: 0 },
    only: ["square"],
    options: { limits: { seconds: 1 } },
    messages: { square: /^no result within 1 s$/ },
  },
  {
    name: "an endless stream",
    code: `${forge} exports.square = () => { for (;;) send(Buffer.alloc(65536)); };`,
    points: { square: 0 },
    messages: { square: sent },
  },
  {
    name: "a reply of no known kind",
    code: `${forge} exports.square = () => { send(framed(Buffer.from([2]))); return 0; };`,
    points: { square: 0 },
    messages: { square: /^square sent its judge no reply/ },
  },
  {
    name: "a record that holds its value twice",
    code: `${forge} exports.square = (n) => { send(framed(Buffer.concat([Buffer.from([7]), u32(2), text("value"), number(0), text("value"), number(n * n)]))); return 0; };`,
    points: { square: 0 },
    messages: { square: /^square sent its judge a record that holds a key twice/ },
  },
  {
    name: "the channel closed, then silence",
    code: `${forge} exports.square = () => { fs.closeSync(3); for (;;); };`,
    points: { square: 0 },
    only: ["square"],
    options: { limits: { seconds: 1 } },
  },
  {
    name: "the channel closed, and a right answer returned",
    code: `${forge} exports.square = (n) => { fs.closeSync(3); return n * n; };`,
    points: { square: 0 },
    messages: { square: /^square (ended|crashed) its process/ },
  },
  {
    name: "the runtime thrown over: it takes the event loop and answers late, from a timer",
    code: `${forge}
      process.on("uncaughtException", () => {}); process.on("unhandledRejection", () => {});
      exports.square = () => {
        setTimeout(() => send(reply(1, 49)), 0);
        Uint8Array.prototype.subarray = () => { throw new Error("over"); };
        return 0;
      };`,
    points: { square: 0 },
    messages: { square: /^square (sent its judge|ended its process)/ },
  },
  {
    name: "a file that answers before it was asked",
    code: `${forge} for (let id = 0; id < 100; id++) send(reply(id, 64));`,
    points: {},
    refused: /^the file sent its judge a reply that nobody asked for/,
  },
];
