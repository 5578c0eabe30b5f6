import { expect } from "chai";
import { describe, it } from "mocha";
import { capped } from "workbook/grading/output";

/** What is written of these texts when ten characters are much. */
function written(...texts: string[]): string {
  const parts: string[] = [];
  const write = capped((text) => parts.push(text), 10);
  for (const text of texts) write(text);
  return parts.join("");
}

describe("capped", () => {
  it("passes on what is little as it is", () => {
    expect(written("12345", "6789")).to.equal("123456789");
  });

  it("passes on the beginning of much, and says once that there was more", () => {
    const rest = "\n… what your answers printed after this is not shown\n";
    expect(written("12345", "67890ab", "cd", "ef")).to.equal(`1234567890${rest}`);
    expect(written("1234567890", "ab", "cd")).to.equal(`1234567890${rest}`);
  });
});
