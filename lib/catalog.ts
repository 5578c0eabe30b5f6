/** One row per paper. Every list of papers (CLI, lesson 00, README, tests) is made from this table. */

export type Family =
  | "Core and sparse attention"
  | "Low rank, hashing, kernels"
  | "Recurrent and state-space"
  | "Vision, blocks, compression"
  | "Systems and theory";

export interface Paper {
  /** Names the exercise, solution, graded tests and dataset rows: `exercises/<slug>.ts`. */
  readonly slug: string;
  readonly title: string;
  readonly authors: string;
  readonly year: number;
  readonly arXiv: string;
  readonly family: Family;
  /** Equivalent ways to compute it that the library has. */
  readonly forms: readonly ("parallel" | "recurrent" | "chunkwise")[];
  /** Growth in the sequence length n, as the paper states it; tests compare it with the fitted exponent. */
  readonly time: string;
  readonly memory: string;
}

export const catalog: readonly Paper[] = [
  {
    slug: "transformer",
    title: "Attention Is All You Need",
    authors: "Vaswani et al.",
    year: 2017,
    arXiv: "1706.03762",
    family: "Core and sparse attention",
    forms: ["parallel", "recurrent"],
    time: "n²",
    memory: "n²",
  },
  {
    slug: "reformer",
    title: "Reformer: The Efficient Transformer",
    authors: "Kitaev, Kaiser, Levskaya",
    year: 2020,
    arXiv: "2001.04451",
    family: "Low rank, hashing, kernels",
    forms: ["parallel", "chunkwise"],
    time: "n log n",
    memory: "n",
  },
  {
    slug: "longformer",
    title: "Longformer: The Long-Document Transformer",
    authors: "Beltagy, Peters, Cohan",
    year: 2020,
    arXiv: "2004.05150",
    family: "Core and sparse attention",
    forms: ["parallel", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "linear-transformer",
    title: "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention",
    authors: "Katharopoulos et al.",
    year: 2020,
    arXiv: "2006.16236",
    family: "Low rank, hashing, kernels",
    forms: ["parallel", "recurrent", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "performer",
    title: "Rethinking Attention with Performers",
    authors: "Choromanski et al.",
    year: 2020,
    arXiv: "2009.14794",
    family: "Low rank, hashing, kernels",
    forms: ["parallel", "recurrent", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "flash-attention",
    title: "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness",
    authors: "Dao et al.",
    year: 2022,
    arXiv: "2205.14135",
    family: "Systems and theory",
    forms: ["parallel", "chunkwise"],
    time: "n²",
    memory: "n",
  },
  {
    slug: "hyena",
    title: "Hyena Hierarchy: Towards Larger Convolutional Language Models",
    authors: "Poli et al.",
    year: 2023,
    arXiv: "2302.10866",
    family: "Recurrent and state-space",
    forms: ["parallel"],
    time: "n log n",
    memory: "n",
  },
  {
    slug: "rwkv",
    title: "RWKV: Reinventing RNNs for the Transformer Era",
    authors: "Peng et al.",
    year: 2023,
    arXiv: "2305.13048",
    family: "Recurrent and state-space",
    forms: ["parallel", "recurrent", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "retnet",
    title: "Retentive Network: A Successor to Transformer for Large Language Models",
    authors: "Sun et al.",
    year: 2023,
    arXiv: "2307.08621",
    family: "Recurrent and state-space",
    forms: ["parallel", "recurrent", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "mamba",
    title: "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
    authors: "Gu, Dao",
    year: 2023,
    arXiv: "2312.00752",
    family: "Recurrent and state-space",
    forms: ["parallel", "recurrent", "chunkwise"],
    time: "n",
    memory: "n",
  },
  {
    slug: "lean-attention",
    title: "Lean Attention: Hardware-Aware Scalable Attention Mechanism for the Decode-Phase of Transformers",
    authors: "Sanovar et al.",
    year: 2024,
    arXiv: "2405.10480",
    family: "Core and sparse attention",
    forms: ["parallel", "chunkwise"],
    time: "n",
    memory: "n",
  },
];

/** The row of a paper. @throws with the known slugs when there is none. */
export function paper(slug: string): Paper {
  const found = catalog.find((row) => row.slug === slug);
  if (found === undefined) {
    throw new Error(`catalog: no paper "${slug}"; known slugs: ${catalog.map((row) => row.slug).join(", ")}`);
  }
  return found;
}

/** Where a paper's files live, relative to the repository's root. */
export function paperFiles({ slug, year }: Paper) {
  return {
    notebook: `notebooks/${year}-${slug}.ipynb`,
    exercise: `exercises/${slug}.ts`,
    solution: `solutions/${slug}.ts`,
    graded: `test/graded/${slug}.ts`,
    mutants: `test/mutants/${slug}.ts`,
  };
}
