import { relative } from 'node:path'

/** The part of Vitest's JSON report that is read here. */
export interface JsonReport {
  readonly testResults: readonly {
    /** The path of the file. */
    readonly name: string
    readonly status: string
    /** Why the file could not be loaded. */
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

interface Failure {
  /** The file and the test. */
  readonly test: string
  readonly message: string
}

/** One run of the tests. */
export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  readonly failures: readonly Failure[]
}

/** For an error outside of all tests, or a run that broke off. */
const NO_TEST = 'outside of the tests'

export interface Ended {
  /** The repository; files are named relative to it. */
  readonly root: string
  /** `undefined`: the run has no report. */
  readonly report: JsonReport | undefined
  /** Errors that no test caught. */
  readonly uncaught: readonly string[]
  /** Whether the process ended with exit code 0. */
  readonly ok: boolean
  /** The end of what the process wrote. */
  readonly output: string
  readonly seconds: number
}

export function outcomeOf({ root, report, uncaught, ok, output, seconds }: Ended): Outcome {
  const tests = report?.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((each) => ({ ...each, file: relative(root, name) })),
  )
  const ofStatus = (status: string) => (tests ?? []).filter((each) => each.status === status)
  const failures = [
    ...ofStatus('failed').map(({ file, fullName, failureMessages }) => ({
      test: `${file} > ${fullName.trim()}`,
      message: failureMessages[0] ?? '',
    })),
    ...(report?.testResults ?? [])
      .filter(({ status, message }) => status === 'failed' && message !== '')
      .map(({ name, message }) => ({ test: relative(root, name), message })),
    ...uncaught.map((message) => ({ test: NO_TEST, message })),
  ]
  // A process that failed for another reason is reported with the end of its output.
  if (!ok && failures.length === 0) failures.push({ test: NO_TEST, message: output.trim() })
  return {
    passed: ofStatus('passed').length,
    failed: failures.length,
    skipped: (tests?.length ?? 0) - ofStatus('passed').length - ofStatus('failed').length,
    seconds,
    failures,
  }
}

export interface Flake {
  readonly test: string
  /** Runs in which the test failed. */
  readonly runs: number
  /** Of its first failure. */
  readonly message: string
}

/** Every test that failed in any run, the most frequent first. */
export function flakes(outcomes: readonly Outcome[]): Flake[] {
  const found = new Map<string, Flake>()
  for (const { failures } of outcomes) {
    const inThisRun = new Map(failures.toReversed().map((failure) => [failure.test, failure]))
    for (const { test, message } of inThisRun.values()) {
      const before = found.get(test)
      found.set(test, { test, runs: (before?.runs ?? 0) + 1, message: before?.message ?? message })
    }
  }
  return [...found.values()].sort((a, b) => b.runs - a.runs || (a.test < b.test ? -1 : 1))
}
