import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import type { Json } from "../../../lib/jupyter/wire.js";
import { TestClient } from "./protocol-client.js";

const script = fileURLToPath(new URL("../../../lib/jupyter/kernel/kernel.js", import.meta.url));

describe("the kernel with its session and its types", () => {
  let client: TestClient;
  const result = async (code: string) => {
    const { outputs, reply } = await client.execute(code);
    const shown = outputs.find(([type]) => type === "execute_result");
    return shown === undefined ? reply.evalue : (shown[1].data as Json)["text/plain"];
  };
  before(async () => {
    client = await TestClient.start({ script });
  });
  after(() => client.close());

  it("keeps values and types from cell to cell", async () => {
    await client.execute("const held: number = 20;");
    expect(await result("held + 1")).to.equal("21");
    const { reply, outputs } = await client.execute("console.log('ran');\nconst bad: string = held;");
    expect(reply).to.include({ status: "error", ename: "TS2322" });
    expect(outputs.map(([type]) => type)).to.deep.equal(["error"]);
  });

  it("lets the library's display() reach the cell, and updates it", async () => {
    const { outputs } = await client.execute(
      `import { display } from "workbook/display"; display({ "text/plain": "a" }).update({ "text/plain": "b" });`,
    );
    const [[first, shown], [second, updated]] = outputs as [[string, Json], [string, Json]];
    expect([first, second]).to.deep.equal(["display_data", "update_display_data"]);
    expect((shown.transient as Json).display_id).to.be.a("string");
    expect(updated.transient).to.deep.equal(shown.transient);
  });

  it("knows its own globals' types and values", async () => {
    const { reply, outputs } = await client.execute(`
      clearOutput({ wait: true });
      comm.registerTarget("t", (opened, { data }) => opened.send(data));
      page("text");`);
    expect(reply).to.deep.include({ status: "ok" });
    expect(outputs).to.deep.equal([["clear_output", { wait: true }]]);
    expect(await result(`await prompt("?", { password: true })`)).to.contain("takes no input");
  });

  for (const code of [
    "const a1 = 1; for (;;) {}",
    "const a1 = 1; await 0; for (;;) {}",
    "const a1 = 1; for (;;) await 0",
  ]) {
    it(`is interrupted in \`${code}\`, also with storages of the reader's own, and keeps values and types`, async () => {
      await client.execute(`
        import { AsyncLocalStorage } from "node:async_hooks";
        const own = new AsyncLocalStorage<number>(); own.run(1, () => {});`);
      const id = await client.send("execute_request", { code });
      await client.until(() => client.states(id).includes("busy"));
      await new Promise((go) => setTimeout(go, 100));
      await client.ask("interrupt_request", {}, "control");
      expect(await client.reply(id)).to.include({ status: "error" });
      await client.idle(id);
      expect(await result("a1 + 1")).to.equal("2");
      expect(await result("own.run(7, () => own.getStore())")).to.equal("7");
    });
  }

  it("completes members by type", async () => {
    const completed = await client.ask("complete_request", { code: "held.toFix", cursor_pos: 10 });
    expect(completed.matches).to.deep.equal(["toFixed"]);
  });
});
