import { isSpace } from '../text.js'

/** Words under construction. */
export class WordList {
  readonly words: string[] = []
  private current = ''
  private inWord = false

  addChar(char: string): void {
    if (!isSpace(char)) this.addRaw(char)
    else if (this.inWord && this.current !== '') this.flush()
  }

  addRaw(text: string): void {
    this.current += text
    this.inWord = true
  }

  addText(text: string): void {
    for (const char of text) this.addChar(char)
  }

  flush(): void {
    if (this.current !== '') this.words.push(this.current)
    this.current = ''
    this.inWord = false
  }
}
