export type { GitCommit } from './git-refs.js'
export { type GitCheckout, GitSession, keepsGitDir } from './git-session.js'
export { type GitSource, isGitUrl, parseGitUrl, redactGitUrl } from './git-url.js'
