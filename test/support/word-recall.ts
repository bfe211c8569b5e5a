/** The share of the words of `wanted`, each as often as it is there, that are in `text`. */
export function wordRecall(wanted: string, text: string): number {
  const found = countWords(text);
  let all = 0;
  let hits = 0;
  for (const [word, count] of countWords(wanted)) {
    all += count;
    hits += Math.min(count, found.get(word) ?? 0);
  }
  return hits / all;
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text
    .normalize('NFKC')
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+/gu))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
