/** Reports what must never happen in the process, which ends the run. */
export function watchProcess(broken: (why: string) => void): void {
  // An unhandled rejection comes as an uncaught exception.
  process.on('uncaughtException', (error, origin) => broken(`${origin}: ${shown(error)}`))
  process.on('warning', (warning) => {
    if (warning.name === 'MaxListenersExceededWarning') broken(shown(warning))
  })
}

/** With its causes. */
export function shown(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${shown(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
