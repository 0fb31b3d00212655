/** Without user name and password. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@?#]*@/i, '$1')
}
