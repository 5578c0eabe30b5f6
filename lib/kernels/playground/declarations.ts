/** What a WGSL text declares at `@group(0)`, as far as its text tells: for naming buffers and for wording mismatches. */

export interface Declaration {
  readonly binding: number;
  readonly name: string;
  readonly space: "storage" | "uniform";
  /** `read_write`, or `read`, which is what WGSL takes when nothing is said. */
  readonly access: "read" | "read_write";
  /** Its length is that of the buffer: `array<f32>`, and no `arrayLength` asks for it. */
  readonly isOpenEnded: boolean;
}

const declaration =
  /((?:@\w+\s*\([^)]*\)\s*)+)var\s*<\s*(storage|uniform)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:\s*([^;]+);/g;

/** The buffers of group 0, by their text; one that a macro of the author's hides from the pattern is left out. */
export function declarations(wgsl: string): Declaration[] {
  const code = withoutComments(wgsl);
  const asked = [...code.matchAll(/\barrayLength\s*\(\s*(?:&\s*(\w+)\s*\))?/g)].map(([, name]) => name);
  return [...code.matchAll(declaration)].flatMap(
    ([, attributes = "", space = "", access, name = "", type = ""]) => {
      const binding = Number(/@binding\s*\(\s*(\d+)/.exec(attributes)?.[1] ?? Number.NaN);
      if (!/@group\s*\(\s*0/.test(attributes) || Number.isNaN(binding)) return [];
      const isAsked = asked.some((one) => one === undefined || one === name);
      return [
        {
          binding,
          name,
          space: space as Declaration["space"],
          access: access === "read_write" ? "read_write" : "read",
          isOpenEnded: hasOpenEnd(type) && !isAsked,
        },
      ];
    },
  );
}

/** Comments become spaces: places stay what they are. */
export function withoutComments(wgsl: string): string {
  return wgsl.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}

/** `array<T>`, as opposed to `array<T, 64>`: a comma counts outside of inner brackets only. */
function hasOpenEnd(type: string): boolean {
  const [, inside] = /^\s*array\s*<([\s\S]*)>\s*$/.exec(type) ?? [];
  if (inside === undefined) return false;
  let depth = 0;
  for (const character of inside.replace(/,\s*$/, "")) {
    if (character === "<") depth++;
    if (character === ">") depth--;
    if (character === "," && depth === 0) return false;
  }
  return true;
}

/** One sentence about the first buffer that is not what the job binds there; undefined where the texts agree. */
export function mismatch(
  wgsl: string,
  { inputs, hasSizes }: { readonly inputs: number; readonly hasSizes: boolean },
): string | undefined {
  const wanted = [
    ...Array<string>(inputs).fill("var<storage, read>"),
    "var<storage, read_write>",
    ...(hasSizes ? ["var<uniform>"] : []),
  ];
  const what = (binding: number) =>
    binding < inputs ? `input ${binding}` : binding === inputs ? "the output" : "the sizes";
  for (const { binding, name, space, access } of declarations(wgsl)) {
    const declared = space === "uniform" ? "var<uniform>" : `var<storage, ${access}>`;
    const expected = wanted[binding];
    if (expected === undefined) {
      return `@binding(${binding}) ${name} has nothing to hold: ${wanted.length} buffers are bound (inputs, output${hasSizes ? ", sizes" : ""})`;
    }
    if (expected !== declared) {
      return `@binding(${binding}) ${name} is ${what(binding)}: expected ${expected}, got ${declared}`;
    }
  }
  return undefined;
}
