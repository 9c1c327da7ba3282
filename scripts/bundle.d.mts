/** Bundles a TypeScript program of this repository, and answers where the bundle is. */
export function bundle(file: string): string
