/**
 * The message of a driver's error, without the passwords of URLs. Node tries each address of a host
 * name, and reports the results only in `errors`.
 */
export function driverMessage(error: Error): string {
  const { errors } = error as { errors?: unknown }
  const isSilent = error.message === '' && Array.isArray(errors)
  const message = isSilent
    ? errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    : error.message
  // A password may contain an @ or a slash.
  return message.replace(/\/\/\S*@/g, '//').slice(0, 200)
}
