using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Metering.Tests.Alerts;

/// <summary>A receiver on loopback that can answer anything, HTTP or not. It reads one request of each connection and then runs its script.</summary>
internal sealed class RawReceiver : IAsyncDisposable
{
    private readonly TcpListener listener;
    private readonly Func<Socket, CancellationToken, Task> script;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<string> requests = new();
    private readonly ConcurrentBag<Task> connections = [];
    private readonly Task accepting;
    private int accepted;

    public RawReceiver(Func<Socket, CancellationToken, Task> script, string address = "127.0.0.1", int port = 0)
    {
        this.script = script;
        listener = new TcpListener(IPAddress.Parse(address), port);
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public string Url => $"http://127.0.0.1:{Port}/hook";

    /// <summary>Connections that were made, whether or not a byte came.</summary>
    public int Accepted => accepted;

    /// <summary>What came, as text.</summary>
    public IReadOnlyList<string> Requests => [.. requests];

    /// <summary>A receiver that gives one whole answer and closes.</summary>
    public static RawReceiver Answering(string status, string headers = "", string body = "", string address = "127.0.0.1", int port = 0) => new(
        (socket, cancel) => SendAsync(socket, $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{headers}\r\n{body}", cancel), address, port);

    public static async Task SendAsync(Socket socket, string text, CancellationToken cancel) => await socket.SendAsync(Encoding.Latin1.GetBytes(text), cancel);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await accepting;
        listener.Dispose();
        await Task.WhenAll(connections);
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync(stop.Token);
                Interlocked.Increment(ref accepted);
                connections.Add(ServeAsync(socket));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using (socket)
            {
                requests.Enqueue(await ReadRequestAsync(socket));
                await script(socket, stop.Token);
                // Closing with unread input would be a reset, so the other side ends first.
                if (socket.Connected) socket.Shutdown(SocketShutdown.Send);
                while (await socket.ReceiveAsync(new byte[1024], stop.Token) > 0)
                {
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The sender went away, as some tests want.
        }
    }

    private async Task<string> ReadRequestAsync(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        var length = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), stop.Token);
            length += read;
            var text = Encoding.UTF8.GetString(buffer, 0, length);
            var head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            // A TLS greeting is no request; whoever waits for one would wait for ever.
            if (read == 0 || buffer[0] == 0x16) return text;
            if (head < 0) continue;
            var line = text.Split("\r\n").First(header => header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
            if (length >= head + 4 + int.Parse(line["Content-Length:".Length..])) return text;
        }
    }
}
