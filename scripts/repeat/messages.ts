/** From the process that runs the tests to the one that counts. */
export type Message =
  | { readonly type: 'files'; readonly done: number; readonly total: number }
  | { readonly type: 'uncaught'; readonly errors: readonly string[] }
