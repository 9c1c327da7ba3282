/**
 * The user and password of an URL, up to the last @ before its path; and a password among its
 * parameters.
 */
const credentials = /\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#"'<>]*@/gi
const parameter = /([?&](?:password|passwd|pass|auth)=)[^&\s"'<>]*/gi

/** Removes the credentials from every URL in a text, since reports and logs are passed around. */
export function redact(text: string): string {
  return text.replace(credentials, '$1***@').replace(parameter, '$1***')
}

/** The same for every string inside a value. */
export function redactAll<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T
  if (Array.isArray(value)) return value.map(redactAll) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redactAll(inner)])) as T
}
