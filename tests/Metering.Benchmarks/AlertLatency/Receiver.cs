using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.AlertLatency;

/// <summary>A receiver on loopback that accepts everything and notes when.</summary>
internal sealed class Receiver : IDisposable
{
    /// <param name="Recorded">When the ledger recorded the crossing.</param>
    public sealed record Accepted(string Id, DateTimeOffset At, DateTimeOffset Recorded, decimal Threshold, decimal Value);

    private readonly int _port = Ports.Free();
    private readonly HttpListener _listener = new();

    public Receiver()
    {
        _listener.Prefixes.Add($"http://{Address}/");
        _listener.Start();
        _ = TakeAsync();
    }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}");

    public ConcurrentQueue<Accepted> All { get; } = [];

    public void Dispose() => _listener.Close();

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var body = await JsonDocument.ParseAsync(context.Request.InputStream);
                context.Response.StatusCode = 204;
                context.Response.Close();
                var at = TimeProvider.System.GetUtcNow();
                var root = body.RootElement;
                if (root.GetProperty("type").GetString() != "metering.quota.crossed") continue;
                var data = root.GetProperty("data");
                All.Enqueue(new Accepted(root.GetProperty("id").GetString()!, at, root.GetProperty("time").GetDateTimeOffset(), data.GetProperty("threshold").GetDecimal(), data.GetProperty("value").GetDecimal()));
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
