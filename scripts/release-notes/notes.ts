/** A commit as `git log` tells it. */
export interface Commit {
  readonly hash: string
  readonly subject: string
  readonly body: string
}

interface Change {
  readonly type: string
  readonly scope: string | undefined
  readonly text: string
  readonly hash: string
  /** What a user must do, or the subject where the commit says no more. */
  readonly breaking: string | undefined
}

/** What a user of the library notices. Other types of commits (test, docs, ...) are left out. */
const SECTIONS = [
  ['feat', 'New'],
  ['fix', 'Fixed'],
  ['perf', 'Faster'],
] as const

/** `fix(room)!: admit the first visitor`. */
const SUBJECT = /^(\w+)(?:\(([^)]*)\))?(!)?: (.*)$/
/** The paragraph of a body that says what breaks. */
const BREAKING = /(?:^|\n)BREAKING CHANGE: ([\s\S]*?)(?:\n\n|$)/

/**
 * The notes of a release in Markdown.
 *
 * @param preface Written by hand, such as a table of renamed symbols. It comes first.
 * @param commits Newest first; the notes tell the oldest first.
 */
export function releaseNotes(preface: string, commits: readonly Commit[]): string {
  const changes = [...commits].reverse().flatMap(changeOf)
  const sections = [
    section(
      'Breaking',
      changes.flatMap((change) => (change.breaking ? [line({ ...change, text: change.breaking })] : [])),
    ),
    ...SECTIONS.map(([type, title]) =>
      section(title, changes.filter((change) => change.type === type && !change.breaking).map(line)),
    ),
  ]
  return `${[preface.trim(), ...sections].filter((part) => part !== '').join('\n\n')}\n`
}

function changeOf({ hash, subject, body }: Commit): Change[] {
  const [, type, scope, mark, text] = SUBJECT.exec(subject) ?? []
  if (type === undefined || text === undefined) return []
  const paragraph = BREAKING.exec(body)?.[1]?.replaceAll('\n', ' ').trim()
  return [{ type, scope, text, hash, breaking: paragraph ?? (mark && text) }]
}

function line({ scope, text, hash }: Change): string {
  return `- ${scope ? `**${scope}:** ` : ''}${text} (${hash.slice(0, 7)})`
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `## ${title}\n\n${lines.join('\n')}`
}
