/** Bundles a TypeScript program of this repository, and answers where the bundle is. */
export function bundle(file: string): string

/** Names the environment variable with a folder of programs that are bundled already. */
export const BUNDLES: 'STOCKHOLD_BUNDLES'

/** Where bundles lie. */
export const bundlesFolder: string
