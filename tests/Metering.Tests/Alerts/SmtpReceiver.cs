using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Metering.Tests.Alerts;

/// <summary>A mail server on loopback that says what a test wants at one step, and keeps the mails it took.</summary>
internal sealed class SmtpReceiver : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<string, string?> _answer;
    private readonly Task _accepting;
    private int _accepted;

    /// <param name="answer">By the command (<c>RCPT</c>, …, <c>.</c> after the mail, empty for the greeting); null: as a server does that takes all; <c>hang</c>: nothing.</param>
    public SmtpReceiver(Func<string, string?>? answer = null)
    {
        _answer = answer ?? (_ => null);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Server => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public int Accepted => _accepted;

    public ConcurrentQueue<string> Mails { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            var mail = new StringBuilder();
            var isData = false;
            var command = "";
            while (true)
            {
                if (!isData || command == ".")
                {
                    var answer = _answer(command) ?? (command switch { "" => "220 test", "EHLO" => "250 test", "DATA" => "354 go on", "QUIT" => "221 bye", _ => "250 ok" });
                    if (answer == "hang") await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _stop.Token);
                    if (command == "." && answer.StartsWith('2')) Mails.Enqueue(mail.ToString());
                    isData = command == "DATA" && answer.StartsWith('3');
                    await stream.WriteAsync(Encoding.UTF8.GetBytes(answer + "\r\n"), _stop.Token);
                }

                if (await reader.ReadLineAsync(_stop.Token) is not { } line) return;
                if (isData && line != ".") mail.Append(line).Append('\n');
                command = isData && line != "." ? "body" : line.Split(' ')[0].ToUpperInvariant();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The other side went away, or the test has ended.
        }
    }
}
