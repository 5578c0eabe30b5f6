// From a table of blocks to lists: for each block of rows, how many blocks it meets, then their numbers, rising.
// Blocks that lie wholly above the diagonal of a causal mask are left out. One invocation makes one list.

struct Sizes {
  T: u32, S: u32,
  size: u32, // positions in a block
  causal: u32,
  byKeys: u32, // rows are blocks of keys, lists hold blocks of queries
}

@group(0) @binding(0) var<storage, read> blocks: array<i32>; // [⌈T/size⌉, ⌈S/size⌉]
@group(0) @binding(1) var<storage, read_write> lists: array<u32>; // [rows, 1 + others]
@group(0) @binding(2) var<uniform> n: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let queries = (n.T + n.size - 1) / n.size;
  let keys = (n.S + n.size - 1) / n.size;
  let byKeys = n.byKeys != 0;
  let row = id.x;
  let others = select(keys, queries, byKeys);
  if (row >= select(queries, keys, byKeys)) { return; }
  var count = 0u;
  for (var other = 0u; other < others; other++) {
    let t = select(row, other, byKeys);
    let s = select(other, row, byKeys);
    let last = min((t + 1) * n.size, n.T) - 1; // the query that sees most
    let hidden = n.causal != 0 && s * n.size + n.T > last + n.S;
    if (blocks[t * keys + s] == 0 || hidden) { continue; }
    count++;
    lists[row * (1 + others) + count] = other;
  }
  lists[row * (1 + others)] = count;
}
