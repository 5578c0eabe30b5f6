import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect } from "chai";
import { after, before, describe, it } from "mocha";
import { KernelError, startKernel } from "../../lib/jupyter/client.js";
import { endpoint, newConnection } from "../../lib/jupyter/connection.js";
import { ends, fakeKernel } from "./fakes.js";

const timeout = 20_000;

let folder: string;

/** Starts a fake kernel for `work`, and shuts it down. */
async function withKernel(
  work: (run: (code: string, timeout?: number) => Promise<string>) => Promise<void>,
  spec = fakeKernel(),
  graces = {},
): Promise<void> {
  const kernel = await startKernel(spec, { cwd: folder, graces });
  const run = async (code: string, limit = timeout) => {
    let printed = "";
    const onOutput = ({ content }: { content: { text?: unknown } }) => {
      printed += String(content.text ?? "");
    };
    await kernel.execute(code, { timeout: limit, onOutput }).catch((error) => {
      printed += `! ${error.message}`;
    });
    return printed;
  };
  try {
    await work(run);
  } finally {
    await kernel.shutdown();
  }
}

describe("a kernel's client", () => {
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "client-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("keeps the connection file to its owner, and removes it once it has been read", () =>
    withKernel(async (run) => {
      const [mode, file] = (await run("connection")).split(" ");
      expect(mode).to.equal("600");
      expect(file).to.match(/workbook-kernel-.*json$/);
      expect(existsSync(path.dirname(file!))).to.equal(false);
    }));

  it("asks to run code and for no input", () =>
    withKernel(async (run) => {
      const { header, content } = JSON.parse(await run("request"));
      expect(header).to.include({ msg_type: "execute_request" });
      expect(content).to.include({ code: "request", silent: false, store_history: true, allow_stdin: false });
    }));

  it("gives an output to the request that caused it, even when that is over", async () => {
    const kernel = await startKernel(fakeKernel(), { cwd: folder });
    const heard: string[] = [];
    const listen = (name: string) => ({
      timeout,
      onOutput: ({ content }: { content: { text?: unknown } }) => {
        if (content.text !== undefined) heard.push(`${name} ${content.text}`);
      },
    });
    await kernel.execute("late print x", listen("first"));
    expect(heard).to.deep.equal([]);
    await kernel.execute("print y", listen("second"));
    await kernel.shutdown();
    expect(heard).to.deep.equal(["first x\n", "second y\n"]);
  });

  it("interrupts by signal or by message, as the kernelspec wants it", async () => {
    for (const mode of ["signal", "message"] as const) {
      await withKernel(
        async (run) => {
          expect(await run("hang", 50)).to.match(new RegExp(`^interrupted by ${mode}\n! timed out`));
        },
        fakeKernel([], mode),
      );
    }
  });

  it("knows at once that a kernel has died, also when it is asked again", () =>
    withKernel(async (run) => {
      for (const code of ["die 3", "print a"]) {
        expect(await run(code)).to.equal('! the kernel "fake" exited with code 3');
      }
    }));

  it("at the end sends SIGTERM to a kernel that does not hear", async () => {
    const file = path.join(folder, "terminated");
    await withKernel(async () => {}, fakeKernel(["deaf", file]), { shutdown: 100 });
    expect(existsSync(file)).to.equal(true);
  });

  it("at the end ends what the kernel had started", async () => {
    const file = path.join(folder, "child");
    await withKernel(async (run) => void (await run(`child-pid-to ${file}`)));
    await ends(Number(readFileSync(file, "utf8")));
  });

  it("rejects with a KernelError when the kernel does not start", async () => {
    const error = await startKernel(fakeKernel(["refuse", "no"]), { cwd: folder }).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(KernelError);
  });
});

describe("a connection", () => {
  it("has five different ports, none of them handed out before, and a key of its own", async () => {
    const made = await Promise.all([newConnection(), newConnection(), newConnection()]);
    const ports = made.flatMap((c) => [c.shell_port, c.iopub_port, c.stdin_port, c.control_port, c.hb_port]);
    expect(new Set(ports).size).to.equal(15);
    expect(new Set(made.map(({ key }) => key)).size).to.equal(3);
  });

  it("has Jupyter's endpoints: a port for tcp, a path with a number for ipc", async () => {
    const tcp = await newConnection();
    expect(endpoint(tcp, "iopub")).to.equal(`tcp://127.0.0.1:${tcp.iopub_port}`);
    const ipc = { ...tcp, transport: "ipc" as const, ip: "/tmp/kernel", shell_port: 1 };
    expect(endpoint(ipc, "shell")).to.equal("ipc:///tmp/kernel-1");
  });
});
