import { expect } from "chai";
import { describe, it } from "mocha";
import type { Plain } from "workbook/grading/values";
import { PlainTensor } from "workbook/grading/values";
import { Conversation } from "workbook/grading/wall/conversation";
import { encode } from "workbook/grading/wall/encode";
import { frame } from "workbook/grading/wall/frames";
import type { Reply } from "workbook/grading/wall/messages";
import { WireError } from "workbook/grading/wall/wire";
import { random } from "workbook/random";
import { mutated } from "./mutate.js";

const LIMIT = 10_000;
const framed = (message: Plain) => Uint8Array.from(frame(encode(message)).flatMap((part) => [...part]));

/** What a conversation that awaits number 7 makes of these bytes. */
function hears(bytes: Uint8Array): { replies: Reply[]; error?: unknown } {
  const replies: Reply[] = [];
  const conversation = new Conversation(LIMIT);
  conversation.expect(7, (reply) => replies.push(reply));
  try {
    conversation.receive(bytes);
    return { replies };
  } catch (error) {
    return { replies, error };
  }
}

describe("a conversation with a process", () => {
  it("takes the awaited reply, whole or in pieces", () => {
    const bytes = framed({ id: 7, value: "x" });
    expect(hears(bytes).replies).to.deep.equal([{ id: 7, value: "x" }]);
    const replies: Reply[] = [];
    const conversation = new Conversation(LIMIT);
    conversation.expect(7, (reply) => replies.push(reply));
    for (const byte of bytes) conversation.receive(Uint8Array.of(byte));
    expect(replies).to.deep.equal([{ id: 7, value: "x" }]);
  });

  const wrong: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["another number", framed({ id: 8, value: 1 }), /nobody asked for/],
    ["two replies", Uint8Array.of(...framed({ id: 7, value: 1 }), ...framed({ id: 7, value: 2 })), /nobody/],
    ["a reply and a byte", Uint8Array.of(...framed({ id: 7, value: 1 }), 0), /more than the reply/],
    ["no record", framed([7]), /a reply to nothing/],
    ["a reply of no kind", framed({ id: 7, score: 5 }), /no known kind/],
    ["a text for a number", framed({ id: "7", value: 1 }), /a reply to nothing/],
    ["too much", Uint8Array.of(0xff, 0xff, 0, 0), /65535 bytes, 10000 allowed/],
  ];
  for (const [what, bytes, message] of wrong) {
    it(`refuses ${what}`, () => {
      const { error } = hears(bytes);
      expect(error).to.be.instanceOf(WireError);
      expect((error as Error).message).to.match(message);
    });
  }

  it("refuses anything while it awaits nothing", () => {
    expect(() => new Conversation(LIMIT).receive(framed({ id: 7, value: 1 }))).to.throw(WireError, /nobody/);
  });

  it("10,000 mutated replies are the awaited one, unfinished, or refused: never anything else", () => {
    const source = random("channel");
    const messages: Plain[] = [
      { id: 7, value: new PlainTensor([2, 2], "float32", new Float32Array([1, 2, 3, 4])) },
      { id: 7, value: { a: [1, "two", null, undefined], b: true } },
      { id: 7, todo: "softmax" },
      { id: 7, threw: "Error: no", stack: "at submission.js:1:2" },
      { id: 7, broke: "it is no function" },
    ];
    const valid = messages.map(framed);
    const seen = { reply: 0, unfinished: 0, refused: 0 };
    for (let i = 0; i < 10_000; i++) {
      const { replies, error } = hears(mutated(valid[source.integer(valid.length)]!, source));
      if (error !== undefined && !(error instanceof WireError)) throw error;
      expect(replies.every(({ id }) => id === 7)).to.equal(true);
      seen[error !== undefined ? "refused" : replies.length > 0 ? "reply" : "unfinished"]++;
    }
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).to.be.above(100);
  });
});
