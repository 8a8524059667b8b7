// Many clients in a process of their own: node faults_crowd.mjs PORT COUNT. They connect in bursts,
// ask once, and stay until the process ends. What became of them is printed twice a second, a line
// of JSON each.

import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const kBurst = 500;
const kRequest = 'GET / HTTP/1.1\r\nHost: crowd\r\n\r\n';

const [port, count] = process.argv.slice(2);
// refused: by their error; broken: such as ended with half of an answer
const seen = { tried: 0, connected: 0, answered: 0, others: 0, refused: {}, broken: 0 };

function connect() {
  ++seen.tried;
  const socket = net.connect({ port: Number(port), host: '127.0.0.1' });
  let text = '';
  socket.on('connect', () => {
    ++seen.connected;
    socket.write(kRequest);
  });
  socket.on('data', (bytes) => {
    const before = text.length;
    text += bytes;
    if (before === 0) ++seen[text.startsWith('HTTP/1.1 200 ') ? 'answered' : 'others'];
  });
  socket.on('end', () => { if (text === '') seen.refused.end = (seen.refused.end ?? 0) + 1; });
  socket.on('error', ({ code }) => {
    if (text === '') seen.refused[code] = (seen.refused[code] ?? 0) + 1;
    else ++seen.broken;
  });
}

setInterval(() => console.log(JSON.stringify(seen)), 500);
while (seen.tried < count) {
  for (let i = 0; i < kBurst; ++i) connect();
  await sleep(50);
}
