/** Attributes that travel with a cache mount: those of users and capabilities, but not what overlay file systems keep for themselves. */
export function isKeptXattr(name: string): boolean {
  if (name.includes('\0') || Buffer.byteLength(name) > 255) return false
  return name === 'security.capability' || (/^user\../.test(name) && !name.startsWith('user.overlay.'))
}
