/** @param entry The page's module, from the root of the repository. */
export declare function bundlePage(
  root: string,
  entry: string,
): { readonly script: string; readonly style: string }
