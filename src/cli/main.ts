#!/usr/bin/env node
import { MissingDependencyError } from '../testing/fast-check.js'

// The reader of a pipe has had enough, as `head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.exitCode = await start()

/** Loads the program here, so that an error can name a missing package. */
async function start(): Promise<number> {
  try {
    const { run } = await import('./run.js')
    return await run(process.argv.slice(2), {
      output: process.stdout,
      errors: process.stderr,
      env: process.env,
      input: process.stdin,
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' ? /package '([^']+)'/.exec(message)?.[1] : undefined
    if (missing === undefined) throw error
    console.error(new MissingDependencyError(missing, error).message)
    return 2
  }
}
