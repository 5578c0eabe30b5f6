/** What answers print, for somebody who looks for a mistake with console.log. */

/** Characters; an answer is called many times, and prints each time. */
const MOST = 4000;

/** Passes text on to `write` until it is much, and then says so once. */
export function capped(write: (text: string) => void, most: number = MOST): (text: string) => void {
  let left = most;
  return (text) => {
    if (left < 0) return;
    write(text.slice(0, left));
    left -= text.length;
    if (left < 0) write("\n… what your answers printed after this is not shown\n");
  };
}
