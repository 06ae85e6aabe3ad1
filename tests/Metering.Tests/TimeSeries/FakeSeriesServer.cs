using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Metering.Tests.LineProtocol;

namespace Metering.Tests.TimeSeries;

/// <summary>
/// Answers as InfluxDB 1, 2 or 3 does (paths, statuses, bodies, what a partial write keeps), reads lines strictly and keeps points as they do: one per series and time, field by field the last one.
/// Next to that it can be told to answer anything, to be silent, and to take no line that a test does not like.
/// </summary>
internal sealed class FakeSeriesServer : IDisposable
{
    public const string Token = "fake-token";

    private readonly int _version;
    private readonly int _port;
    private readonly ConcurrentQueue<(int Status, string? RetryAfter)> _next = [];
    private readonly CancellationTokenSource _stop = new();
    private HttpListener? _listener;

    public FakeSeriesServer(int version)
    {
        _version = version;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            _port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        Open();
    }

    public Uri Url => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}"));

    /// <summary>Points by series and time.</summary>
    public ConcurrentDictionary<(string Series, long Time), ParsedLine> Points { get; } = [];

    /// <summary>Path and lines of each request that had lines.</summary>
    public ConcurrentQueue<(string Path, int Lines)> Requests { get; } = [];

    public ConcurrentQueue<string> Paths { get; } = [];

    /// <summary>Lines that are not taken.</summary>
    public Func<string, bool> IsBad { get; set; } = _ => false;

    /// <summary>More lines than this are too large a request.</summary>
    public int MaxLines { get; set; } = int.MaxValue;

    /// <summary>Takes requests and does not answer.</summary>
    public volatile bool IsSilent;

    public string Database { get; set; } = "metering";

    /// <summary>The next requests with lines are answered so, and nothing is kept of them.</summary>
    public void Answer(int status, string? retryAfter = null, int times = 1)
    {
        for (var i = 0; i < times; i++) _next.Enqueue((status, retryAfter));
    }

    public void Open()
    {
        for (var tries = 20; ; tries--)
        {
            try
            {
                _listener = new HttpListener { Prefixes = { Url.ToString() } };
                _listener.Start();
                break;
            }
            catch (Exception e) when (tries > 0 && (e is ArgumentNullException or HttpListenerException))
            {
                // The class takes who waits already before it has made the list that it notes them in; its socket is closed with it.
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        _ = TakeAsync(_listener);
    }

    public void Close()
    {
        _listener?.Close();
        _listener = null;
    }

    public void Dispose()
    {
        _stop.Cancel();
        Close();
        _stop.Dispose();
    }

    private async Task TakeAsync(HttpListener listener)
    {
        try
        {
            while (true) _ = ServeAsync(await listener.GetContextAsync());
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task ServeAsync(HttpListenerContext context)
    {
        try
        {
            var lines = await ReadAsync(context.Request);
            var path = context.Request.Url!.AbsolutePath;
            Paths.Enqueue(path);
            if (IsSilent) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, _stop.Token);
            var scripted = _next.TryPeek(out _) && lines.Count > 0 && _next.TryDequeue(out var next) ? next : ((int Status, string? RetryAfter)?)null;
            var (status, body) = scripted is { } one ? (one.Status, "{\"error\":\"as told\"}") : Reply(context.Request, path, lines);
            if (scripted?.RetryAfter is { } wait) context.Response.Headers["Retry-After"] = wait;
            if (lines.Count > 0) Requests.Enqueue((path, lines.Count));
            context.Response.StatusCode = status;
            if (status != 204) context.Response.OutputStream.Write(Encoding.UTF8.GetBytes(body));
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or OperationCanceledException or IOException)
        {
            // The client is gone, or the server is.
        }
    }

    private static async Task<List<string>> ReadAsync(HttpListenerRequest request)
    {
        using var body = new MemoryStream();
        if (request.Headers["Content-Encoding"] == "gzip")
        {
            await using var gzip = new GZipStream(request.InputStream, CompressionMode.Decompress);
            await gzip.CopyToAsync(body);
        }
        else
        {
            await request.InputStream.CopyToAsync(body);
        }

        var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body.ToArray());
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private (int Status, string Body) Reply(HttpListenerRequest request, string path, List<string> lines)
    {
        var query = request.QueryString;
        switch (_version, path)
        {
            case (3, "/api/v3/write_lp"):
                if (query["precision"] != "nanosecond") return (400, "{\"error\":\"invalid precision\"}");
                return request.Headers["Authorization"] == "Bearer " + Token ? Keep(lines, 400, "partial write of line protocol occurred") : (401, "{\"error\":\"the request was not authenticated\"}");
            case (2, "/api/v2/write"):
                if (request.Headers["Authorization"] != "Token " + Token) return (401, "{\"code\":\"unauthorized\",\"message\":\"unauthorized access\"}");
                if (query["org"] is null || query["precision"] != "ns") return (400, "{\"code\":\"invalid\",\"message\":\"wrong query\"}");
                if (query["bucket"] != Database) return (404, $"{{\"code\":\"not found\",\"message\":\"bucket \\\"{query["bucket"]}\\\" not found\"}}");
                return lines.Count == 0 ? (400, "{\"code\":\"invalid\",\"message\":\"writing requires points\"}") : Keep(lines, 422, "failure writing points to database: partial write");
            case (2, _) when path.StartsWith("/api/", StringComparison.Ordinal):
                return request.Headers["Authorization"] == "Token " + Token ? (404, "{\"code\":\"not found\",\"message\":\"path not found\"}") : (401, "{\"code\":\"unauthorized\",\"message\":\"unauthorized access\"}");
            case (1, "/write"):
                if (query["precision"] != "ns") return (400, "{\"error\":\"invalid precision\"}");
                return query["db"] == Database ? Keep(lines, 400, "partial write: field type conflict dropped=1") : (404, $"{{\"error\":\"database not found: \\\"{query["db"]}\\\"\"}}");
            default:
                return (404, "404 page not found\n");
        }
    }

    // All three write the good lines of a request with a bad one.
    private (int Status, string Body) Keep(List<string> lines, int partial, string error)
    {
        if (lines.Count > MaxLines) return (413, "Request Entity Too Large");
        foreach (var line in lines.Where(line => !IsBad(line)).Select(LineParser.Parse))
            Points.AddOrUpdate((line.Series, line.Time), line, (_, before) => before with { Fields = new(before.Fields.Concat(line.Fields).GroupBy(field => field.Key).ToDictionary(fields => fields.Key, fields => fields.Last().Value), StringComparer.Ordinal) });
        return lines.Any(IsBad) ? (partial, $"{{\"error\":\"{error}\",\"code\":\"x\",\"message\":\"{error}\"}}") : (204, "");
    }
}
