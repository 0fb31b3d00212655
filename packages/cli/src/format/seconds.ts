/** A duration for people: `0.4s`, `2m05s`. */
export function formatSeconds(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)}s`
  const minutes = Math.floor(seconds / 60)
  return `${minutes}m${String(Math.floor(seconds % 60)).padStart(2, '0')}s`
}
