import { expect } from "chai";
import { describe, it } from "mocha";
import { folderNames } from "workbook/grading/batch/safe-name";

const folder = (student: string) => folderNames([student]).get(student)!;

describe("a student's folder", () => {
  it("is the student's own name where that is harmless", () => {
    for (const name of ["ann", "ann@example.org", "Zoë-Müller_2", "李雷", "a.b+c"])
      expect(folder(name)).to.equal(name);
  });

  it("is one segment that stays below, whatever the name", () => {
    const names = [
      ...[
        "..",
        ".",
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "-rf",
        ".journal",
        "~root",
      ],
      ...[
        "con",
        "NUL.txt",
        "lpt1",
        "report.json",
        "GRADES.csv",
        "a\u0000b",
        "a\nb",
        "a\u202eb",
        "x.",
        "x ",
        "💥",
      ],
      ...[
        "n".repeat(500),
        "é".repeat(200),
        "$(reboot)",
        "`id`",
        "a;b",
        "a'b\"c",
        "%2e%2e%2f",
        "a*?",
        "\ud800",
      ],
    ];
    const folders = [...folderNames(names).values()];
    for (const name of folders) {
      expect(name).to.match(/^[\p{L}\p{N}_@+][\p{L}\p{M}\p{N}@+._-]*$/u);
      expect(Buffer.byteLength(name)).to.be.at.most(80);
      expect(name).not.to.match(/^(con|nul|lpt1|report\.json|grades\.csv)(\.|$)/i);
    }
    expect(new Set(folders.map((name) => name.toLowerCase())).size).to.equal(names.length);
  });

  it("differs for students whose names differ only in case or in how an accent is written", () => {
    const folders = [...folderNames(["Ann", "ann", "Zo\u00eb", "Zoe\u0308"]).values()];
    expect(new Set(folders.map((name) => name.normalize("NFC").toLowerCase())).size).to.equal(4);
  });

  it("does not depend on who else is there", () => {
    expect(folderNames(["a/b", "x"]).get("a/b")).to.equal(folder("a/b"));
  });
});
