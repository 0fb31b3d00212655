/** How long something took, roughly, in Docker's words: `About a minute`, `3 weeks`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.round(seconds / 3600)
  if (seconds < 1) return 'Less than a second'
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  const days = Math.floor(hours / 24)
  if (days < 14) return `${days} days`
  if (days < 60) return `${Math.floor(days / 7)} weeks`
  if (days < 730) return `${Math.floor(days / 30)} months`
  return `${Math.floor(days / 365)} years`
}

/** `3 weeks ago`; `N/A` without a date. */
export function formatSince(created: string | undefined, now: number): string {
  const at = created === undefined ? Number.NaN : Date.parse(created)
  return Number.isNaN(at) ? 'N/A' : `${formatAge(Math.max(0, now - at))} ago`
}
