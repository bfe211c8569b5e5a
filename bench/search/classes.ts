/** Tenants of one size. */
export interface TenantClass {
  readonly name: string;
  readonly tenants: number;
  readonly chunks: number;
}

/** 210 tenants with 145,300 chunks at scale 1: many small ones and a few that hold most. */
const CLASSES: readonly TenantClass[] = [
  { name: 'T10', tenants: 10, chunks: 10 },
  { name: 'S100', tenants: 132, chunks: 100 },
  { name: 'M300', tenants: 40, chunks: 300 },
  { name: 'M1k', tenants: 20, chunks: 1_000 },
  { name: 'M5k', tenants: 6, chunks: 5_000 },
  { name: 'L20k', tenants: 1, chunks: 20_000 },
  { name: 'L50k', tenants: 1, chunks: 50_000 },
];

/** Sizes that a smaller scale leaves as they are: it has fewer tenants of them. */
const KEPT_SIZE = 1_000;
const LEAST_LARGE = 1_500;

/** From this class on a tenant has an index of its own. */
const INDEXED = 'L50k';

export function classesAt(scale: number): TenantClass[] {
  return CLASSES.map(({ name, tenants, chunks }) => ({
    name,
    tenants: Math.max(1, Math.round(tenants * scale)),
    chunks: chunks <= KEPT_SIZE ? chunks : Math.max(LEAST_LARGE, Math.round(chunks * scale)),
  }));
}

/**
 * Chunks from which `weaver search tune` is to build: as many as by default at full size, and fewer
 * at a smaller one, so that the path is measured there too.
 */
export function indexFrom(classes: readonly TenantClass[]): number {
  return classes.find(({ name }) => name === INDEXED)!.chunks;
}
