export type FastCheckModule = typeof import('fast-check')

/** An optional package that this function needs is not installed. */
export class MissingDependencyError extends Error {
  override readonly name = 'MissingDependencyError'

  constructor(name: string, cause: unknown) {
    super(`${name} is needed for this: npm install --save-dev ${name}`, { cause })
  }
}

/**
 * Loads fast-check, an optional peer dependency: only functions that generate stories call this, so
 * all others of `stockhold/testing` work without it.
 *
 * @throws {MissingDependencyError}
 */
export async function loadFastCheck(): Promise<FastCheckModule> {
  try {
    return await import('fast-check')
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new MissingDependencyError('fast-check', error)
  }
}
