import { expect } from "chai";
import { describe, it } from "mocha";
import { createMessage, decode, encode, WireError } from "../../lib/jupyter/wire.js";

const session = "a session";
const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));

describe("the wire protocol", () => {
  it("gives back the message that it framed, identities and buffers included", () => {
    const request = createMessage("execute_request", { code: "π" }, { session });
    const message = createMessage(
      "execute_reply",
      { status: "ok" },
      {
        session,
        parent: request.header,
        identities: bytes("who asked"),
        metadata: { a: [1] },
        buffers: bytes("raw", ""),
      },
    );
    expect(decode(encode(message, "key"), "key")).to.deep.equal(message);
    expect(decode(encode(request, "key"), "key")).to.deep.equal(request);
  });

  it("signs the four parts as Python's hmac module does", () => {
    const parts = bytes('{"msg_id":"1"}', "{}", "{}", '{"code":"1+1"}');
    const signature = "f29edc2ae347e99e996cf426a9068abd72bbac08f131d7b7d863f0430600434a";
    const frames = [...bytes("<IDS|MSG>", signature), ...parts];
    expect(decode(frames, "secret-key").content).to.deep.equal({ code: "1+1" });
    expect(() => decode(frames, "another-key")).to.throw(WireError, "wrong signature");
  });

  it("refuses a message when any of its four parts was changed, before parsing it", () => {
    const frames = encode(createMessage("stream", { text: "x" }, { session }), "key");
    expect(frames).to.have.length(6);
    for (let i = 2; i < 6; i++) {
      const changed = frames.with(i, Buffer.from("not even JSON"));
      expect(() => decode(changed, "key")).to.throw(WireError, "wrong signature");
    }
  });

  it("leaves buffers unsigned", () => {
    const message = createMessage("comm_msg", {}, { session, buffers: bytes("raw") });
    const frames = encode(message, "key");
    expect(frames).to.have.length(7);
    expect(encode({ ...message, buffers: [] }, "key")[1]).to.deep.equal(frames[1]);
    expect(decode(frames.with(6, Buffer.from("other")), "key").buffers).to.deep.equal(bytes("other"));
  });

  it("neither signs nor checks when the key is empty", () => {
    const message = createMessage("stream", { text: "x" }, { session });
    const frames = encode(message, "");
    expect(frames[1]).to.have.length(0);
    expect(decode(frames, "")).to.deep.equal(message);
    expect(() => decode(frames, "key")).to.throw(WireError, "wrong signature");
  });

  it("says what is wrong with frames that are no message", () => {
    expect(() => decode(bytes("a", "b"), "")).to.throw(WireError, "expected the frame <IDS|MSG>");
    expect(() => decode(bytes("<IDS|MSG>", "", "{}"), "")).to.throw(WireError, "got 2 frames");
    expect(() => decode(bytes("<IDS|MSG>", "", "{}", "{}", "{}", "[1"), "")).to.throw(WireError, "got [1");
    expect(() => decode(bytes("<IDS|MSG>", "", "{}", "{}", "{}", "null"), "")).to.throw(
      WireError,
      "got null",
    );
  });
});
