export type FastCheckModule = typeof import('fast-check')

/** A package that is only needed for some of what is here, and is not installed. */
export class MissingDependencyError extends Error {
  override readonly name = 'MissingDependencyError'

  constructor(name: string, cause: unknown) {
    super(`${name} is needed for this: npm install --save-dev ${name}`, { cause })
  }
}

/**
 * fast-check is an optional peer: who takes something else from `stockhold/testing` does without
 * it, so it is loaded by those who draw stories, and only then.
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
