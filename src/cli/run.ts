import { addressOf, NotUsable, reach } from './connection.js'
import { BadUsage, help, readOptions, type VerifyOptions } from './options.js'
import { type Output, Screen } from './screen.js'
import { memorySubject, redisSubject } from './subject.js'
import { INTERRUPTED, NOT_VERIFIED, verify } from './verify.js'

export interface Surroundings {
  readonly output: Output
  readonly errors: Output
  readonly env: NodeJS.ProcessEnv
}

/** Runs the program. @returns The exit code. */
export async function run(args: readonly string[], { output, errors, env }: Surroundings): Promise<number> {
  try {
    const options = readOptions(args, env)
    if (options) return await verifyBy(options, new Screen(output, env))
    output.write(`${help}\n`)
    return 0
  } catch (error) {
    if (error instanceof BadUsage) errors.write(`${error.message}\nTry: npx stockhold --help\n`)
    else if (error instanceof NotUsable) errors.write(`${error.message}\n`)
    else throw error
    return NOT_VERIFIED
  }
}

async function verifyBy({ redis, prefix, runs, seed }: VerifyOptions, screen: Screen): Promise<number> {
  const interrupt = new AbortController()
  // The first Ctrl-C ends with the story under way and cleans up, the second one ends the process.
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  const client = redis === undefined ? undefined : await reach(redis)
  try {
    const subject = client ? redisSubject(client, prefix, addressOf(redis!)) : memorySubject()
    return await verify(subject, { runs, seed, signal: interrupt.signal }, screen)
  } finally {
    process.off('SIGINT', onSignal)
    client?.disconnect()
  }
}
