import type { Reporter, SerializedError, TestCase, TestModule, TestSpecification } from 'vitest/node'

/** What the process that runs the tests tells the one that started it. */
export type Word =
  | { readonly type: 'files'; readonly count: number }
  | { readonly type: 'test'; readonly state: 'passed' | 'skipped' }
  | { readonly type: 'failure'; readonly test: string; readonly message: string }
  | { readonly type: 'file' }

/** A reporter of vitest that sends words in place of printing. */
export default class WordReporter implements Reporter {
  onTestRunStart(files: readonly TestSpecification[]): void {
    say({ type: 'files', count: files.length })
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result()
    if (state === 'failed') fail(`${test.module.relativeModuleId} > ${test.fullName}`, errors)
    else if (state !== 'pending') say({ type: 'test', state })
  }

  /** A file that cannot be loaded, or whose hooks fail, has no test that says so. */
  onTestModuleEnd(file: TestModule): void {
    const suites = [...file.children.allSuites()].flatMap((suite) => suite.errors())
    const errors = [...file.errors(), ...suites]
    if (errors.length > 0) fail(file.relativeModuleId, errors)
    say({ type: 'file' })
  }

  onTestRunEnd(_files: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const error of unhandled) fail('outside of any test', [error])
  }
}

function fail(test: string, errors: readonly { readonly message: string }[]): void {
  say({ type: 'failure', test, message: errors.map(({ message }) => message).join('\n') })
}

function say(word: Word): void {
  process.send?.(word)
}
