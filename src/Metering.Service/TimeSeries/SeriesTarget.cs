using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Metering.Service.Alerts;

namespace Metering.Service.TimeSeries;

/// <summary>The server that takes the points. Finds out which of the <see cref="WriteApi"/> it has, and asks anew after an answer that says that something has changed there.</summary>
internal sealed class SeriesTarget(TimeSeriesOptions options, TimeProvider clock) : IDisposable
{
    private const int MaxReason = 300;
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(1);

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5), MaxResponseDrainSize = 64 * 1024 })
    {
        Timeout = options.Timeout,
        MaxResponseContentBufferSize = 1 << 20,
    };

    /// <summary>The server's way; null before it is known.</summary>
    public WriteApi? Api { get; private set; }

    /// <summary>Sends lines (UTF-8). Throws only when cancelled.</summary>
    public async Task<WriteAnswer> WriteAsync(ReadOnlyMemory<byte> lines, CancellationToken cancel)
    {
        if (Api is null)
        {
            var (found, trouble) = await ProbeAsync(cancel);
            if (found is null) return trouble;
            Api = found;
        }

        var answer = Judge(await PostAsync(Api, lines, cancel));
        if (answer.Outcome == WriteOutcome.Stopped) Api = null;
        return answer;
    }

    public void Dispose() => _http.Dispose();

    // An empty body is written nowhere and tells whether the path is known.
    private async Task<(WriteApi? Api, WriteAnswer Trouble)> ProbeAsync(CancellationToken cancel)
    {
        WriteAnswer? denied = null;
        foreach (var api in WriteApi.All)
        {
            var reply = await PostAsync(api, default, cancel);
            if (IsUnknownPath(reply)) continue;
            var answer = Judge(reply);
            if (answer.Outcome is not (WriteOutcome.Busy or WriteOutcome.Stopped)) return (api, answer);

            // InfluxDB 2 says so of paths that it does not have, when the credential is not in its own form.
            if (reply.Status is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)) return (null, answer);
            denied ??= answer;
        }

        return (null, denied ?? new WriteAnswer(WriteOutcome.Stopped, $"{options.Url} has none of {string.Join(", ", WriteApi.All.Select(api => api.Path))}; TimeSeries:Url must be the address of an InfluxDB or VictoriaMetrics."));
    }

    // 404 is also the answer for a database that is not there, but then it says so. VictoriaMetrics answers 400 to a path that it does not know.
    private static bool IsUnknownPath(Reply reply) => reply.Status switch
    {
        HttpStatusCode.NotFound => !IsMissingDatabase(reply.Body),
        HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented => true,
        HttpStatusCode.BadRequest => reply.Body.Contains("unsupported path", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static bool IsMissingDatabase(string body) =>
        body.Contains("not found", StringComparison.OrdinalIgnoreCase) && ((ReadOnlySpan<string>)["database", "bucket", "organization"]).ToArray().Any(word => body.Contains(word, StringComparison.OrdinalIgnoreCase));

    private WriteAnswer Judge(Reply reply)
    {
        var reason = $"{(reply.Status is { } status ? $"{(int)status} " : "")}{Explain(reply.Body)}".Trim();
        return reply.Status switch
        {
            null => new WriteAnswer(WriteOutcome.Busy, reason),
            HttpStatusCode.OK or HttpStatusCode.NoContent or HttpStatusCode.Accepted => new WriteAnswer(WriteOutcome.Accepted, ""),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new WriteAnswer(WriteOutcome.Rejected, reason),
            HttpStatusCode.RequestEntityTooLarge => new WriteAnswer(WriteOutcome.TooLarge, reason),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new WriteAnswer(WriteOutcome.Stopped, $"{reason}; check TimeSeries:Token, or user and password in TimeSeries:Url."),
            HttpStatusCode.NotFound => new WriteAnswer(WriteOutcome.Stopped, $"{reason}; create the database or bucket '{options.Database}', or set TimeSeries:Database."),
            HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => new WriteAnswer(WriteOutcome.Busy, reason, reply.RetryAfter),
            _ => new WriteAnswer(WriteOutcome.Stopped, $"{reason}; this is no answer of a time series database, check TimeSeries:Url."),
        };
    }

    private async Task<Reply> PostAsync(WriteApi api, ReadOnlyMemory<byte> lines, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, api.At(options)) { Content = new ByteArrayContent(lines.IsEmpty ? [] : Compress(lines.Span)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/plain", "utf-8");
        if (!lines.IsEmpty) request.Content.Headers.ContentEncoding.Add("gzip");
        if (options.Token is { } token) request.Headers.TryAddWithoutValidation("Authorization", $"{api.TokenScheme} {token}");
        else if (options.Login is { } login) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login)));
        try
        {
            using var response = await _http.SendAsync(request, cancel);
            var wait = RetryAfter.Parse(response.Headers.TryGetValues("Retry-After", out var values) ? values.First() : null, clock.GetUtcNow(), MaxRetryAfter);
            return new Reply(response.StatusCode, await response.Content.ReadAsStringAsync(cancel), wait);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new Reply(null, $"no answer within {options.Timeout.TotalSeconds:0.#} s", null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException)
        {
            return new Reply(null, e.Message, null);
        }
    }

    private static byte[] Compress(ReadOnlySpan<byte> lines)
    {
        using var packed = new MemoryStream(lines.Length / 4);
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(lines);
        return packed.ToArray();
    }

    // {"error":"…"} of 1.x and 3, {"code":"…","message":"…"} of 2.x, or plain text.
    private static string Explain(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                foreach (var name in (ReadOnlySpan<string>)["error", "message"])
                {
                    if (json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String) return Cut(value.GetString()!);
                }
            }
        }
        catch (JsonException)
        {
            // Plain text.
        }

        return Cut(body);
    }

    private static string Cut(string text) => string.Concat(text.Trim().Take(MaxReason).Select(c => char.IsControl(c) ? ' ' : c));

    private sealed record Reply(HttpStatusCode? Status, string Body, TimeSpan? RetryAfter);
}
