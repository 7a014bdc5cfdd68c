// Log lines as programs write them, for pictures and journeys.

const paths = ['/api/orders', '/api/orders/8813', '/healthz', '/api/cart', '/login', '/api/stock?sku=4471', '/api/pay'];
const levels = ['INFO    ', 'INFO    ', 'INFO    ', 'DEBUG   ', 'INFO    ', 'INFO    ', 'INFO    ', 'INFO    ', 'DEBUG   ', 'INFO    ', 'INFO    ', 'INFO    ', 'INFO    ', 'INFO    ', 'INFO    ', 'DEBUG   ', 'INFO    ', 'WARNING ', 'INFO    ', 'INFO    ', 'ERROR   '];
const says: Record<string, string[]> = {
  INFO: ['request served', 'cache refreshed', 'order accepted', '你好aaa', 'session opened', 'stock checked', 'mail queued'],
  DEBUG: ['query took 3 ms', 'cache hit', 'retry budget 4'],
  WARNING: ['slow query: 812 ms', 'payment provider answered late', 'queue is 80 % full'],
  ERROR: ['connection to db-2 refused', 'payment declined: card expired', 'cannot parse request body'],
};

let seed = 7;
function random(n: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 12) % n;
}

export function sample(i: number, start = new Date(2026, 10, 23, 9, 30).getTime()): string {
  // Quiet and busy by turns, as people are.
  const t = new Date(start + i * 137 + 6200 * Math.sin(i / 70) + 700 * Math.sin(i / 23) + random(12));
  const p = (n: number, w = 2) => String(n).padStart(w, '0');
  const stamp = `${t.getFullYear()}-${p(t.getMonth() + 1)}-${p(t.getDate())} ${p(t.getHours())}:${p(t.getMinutes())}:${p(t.getSeconds())}.${p(t.getMilliseconds(), 3)}`;
  const level = levels[random(levels.length)];
  if (i % 23 === 11) return `{"time":"${t.toISOString()}","level":"${level.trim().toLowerCase().replace('warning', 'warn')}","msg":"http","method":"GET","path":"${paths[random(paths.length)]}","status":${level.startsWith('E') ? 500 : 200},"ms":${random(90)}}`;
  if (i % 29 === 5) return `${stamp} | \x1b[32mINFO\x1b[0m     | \x1b[36mshop.http\x1b[0m:\x1b[36mserve\x1b[0m:\x1b[36m214\x1b[0m - \x1b[1mGET ${paths[random(paths.length)]}\x1b[0m \x1b[32m200\x1b[0m in ${random(80)} ms`;
  const words = says[level.trim()];
  return `${stamp} | ${level} | shop.orders:handle:${30 + random(200)} - ${words[random(words.length)]} id=${10000 + i} path=${paths[random(paths.length)]}`;
}
