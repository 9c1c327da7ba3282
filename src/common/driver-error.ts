/**
 * What an error of a driver says, without the passwords of URLs. Node tries each address of a name,
 * and says of what became of them nothing but in `errors`.
 */
export function driverMessage(error: Error): string {
  const { errors } = error as { errors?: unknown }
  const isSilent = error.message === '' && Array.isArray(errors)
  const message = isSilent
    ? errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    : error.message
  // A password may have an @ or a slash of its own.
  return message.replace(/\/\/\S*@/g, '//').slice(0, 200)
}
