/** Jupyter counts code points where JavaScript counts UTF-16 units: `"𝔸x"` is 2 long there and 3 here. */

/** The UTF-16 offset of a place counted in code points; places beyond the end are the end. */
export function toUtf16(text: string, codePoints: number): number {
  let offset = 0;
  for (let left = codePoints; left > 0 && offset < text.length; left--) {
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}

/** The place, counted in code points, of a UTF-16 offset; an offset inside a pair of surrogates counts as before it. */
export function toCodePoints(text: string, offset: number): number {
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
    if (at > offset) break;
  }
  return count;
}
