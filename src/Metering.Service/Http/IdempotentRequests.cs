using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Http;

/// <summary>
/// <c>Idempotency-Key</c> on <c>POST</c>: the first request is carried out, a repetition within <see cref="Keep"/> gets the same answer with <c>Idempotency-Replayed: true</c>, but for a secret, which is
/// shown once. Another request under the same key is refused. <c>PUT</c> and <c>DELETE</c> need none; batches carry their own number. What ended in an error of the service may be sent again.
/// </summary>
internal sealed class IdempotentRequests(LedgerStore store, TimeProvider clock)
{
    private const string Header = "Idempotency-Key";
    private const int MaxKey = 200, MaxAnswer = 1 << 20;
    private static readonly TimeSpan Keep = TimeSpan.FromDays(1);

    // By then whoever carried it out is dead.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private sealed record Stored(byte[] Request, long At, int? Status, string? ContentType, string? Location, byte[]? Body);

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (!HttpMethods.IsPost(request.Method) || request.Headers[Header].Count == 0 || !request.Path.StartsWithSegments("/v1", StringComparison.Ordinal) ||
            request.Path == "/v1/usage-batches" || request.Path == "/v1/time-series/rebuild")
        {
            await next(context);
            return;
        }

        var key = request.Headers[Header].ToString();
        if (key.Length is 0 or > MaxKey || key.Any(c => c is < ' ' or > '~'))
        {
            await Problems.Invalid($"'{Header}' is 1 to {MaxKey} printable ASCII characters, such as a UUID.").ExecuteAsync(context);
            return;
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, context.RequestAborted);
        var hash = SHA256.HashData([.. Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString}\n"), .. body.ToArray()]);
        (body.Position, request.Body) = (0, body);
        var principal = Caller.PrincipalOf(context.User);
        if (await ClaimAsync(principal, key, hash, context.RequestAborted) is { } known) await AnswerAsync(context, known, hash);
        else await RunAsync(context, next, principal, key);
    }

    private async Task RunAsync(HttpContext context, RequestDelegate next, string principal, string key)
    {
        var plain = context.Response.Body;
        using var answer = new MemoryStream();
        context.Response.Body = answer;
        try
        {
            await next(context);
            await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
        }
        catch
        {
            context.Response.Body = plain;
            await ForgetAsync(principal, key);
            throw;
        }

        context.Response.Body = plain;
        var response = context.Response;
        if (response.StatusCode >= 500 || answer.Length > MaxAnswer) await ForgetAsync(principal, key);
        else await store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE idempotent_answer SET status = @status, content_type = @type, location = @location, body = @body WHERE principal = @principal AND key = @key",
            ("@status", (long)response.StatusCode), ("@type", response.ContentType), ("@location", response.Headers.Location.Count > 0 ? response.Headers.Location.ToString() : null), ("@body", WithoutSecret(answer.ToArray())), ("@principal", principal), ("@key", key)), CancellationToken.None);
        answer.Position = 0;
        await answer.CopyToAsync(plain, context.RequestAborted);
    }

    // Null: the request is ours to carry out.
    private Task<Stored?> ClaimAsync(string principal, string key, byte[] hash, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var now = clock.GetUtcNow();
        await transaction.ExecuteAsync("DELETE FROM idempotent_answer WHERE at < @old OR (status IS NULL AND at < @dead)", ("@old", (now - Keep).ToUnixMicroseconds()), ("@dead", (now - Longest).ToUnixMicroseconds()));
        if (await transaction.ExecuteAsync("INSERT INTO idempotent_answer (principal, key, request, at) VALUES (@principal, @key, @request, @at) ON CONFLICT (principal, key) DO NOTHING",
            ("@principal", principal), ("@key", key), ("@request", hash), ("@at", now.ToUnixMicroseconds())) > 0) return null;
        await using var rows = await transaction.Command("SELECT request, at, status, content_type, location, body FROM idempotent_answer WHERE principal = @principal AND key = @key", ("@principal", principal), ("@key", key)).ExecuteReaderAsync(cancel);
        await rows.ReadAsync(cancel);
        return new Stored((byte[])rows[0], rows.GetInt64(1), rows.IsDBNull(2) ? null : (int)rows.GetInt64(2), rows.IsDBNull(3) ? null : rows.GetString(3), rows.IsDBNull(4) ? null : rows.GetString(4), rows.IsDBNull(5) ? null : (byte[])rows[5]);
    }, cancel);

    private Task ForgetAsync(string principal, string key) =>
        store.WriteAsync(transaction => transaction.ExecuteAsync("DELETE FROM idempotent_answer WHERE principal = @principal AND key = @key", ("@principal", principal), ("@key", key)), CancellationToken.None);

    private static async Task AnswerAsync(HttpContext context, Stored known, byte[] hash)
    {
        if (!known.Request.AsSpan().SequenceEqual(hash)) await Problems.KeyReused($"'{Header}' was used for another request; take a new one.").ExecuteAsync(context);
        else if (known.Status is not { } status)
        {
            context.Response.Headers.RetryAfter = "1";
            await Problems.Conflict($"The request with this '{Header}' is being carried out; ask again for its answer.").ExecuteAsync(context);
        }
        else
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = known.ContentType;
            if (known.Location is not null) context.Response.Headers.Location = known.Location;
            context.Response.Headers["Idempotency-Replayed"] = "true";
            if (known.Body is { Length: > 0 } body) await context.Response.Body.WriteAsync(body, context.RequestAborted);
        }
    }

    private static byte[] WithoutSecret(byte[] answer)
    {
        if (answer.AsSpan().IndexOf("\"secret\""u8) < 0) return answer;
        try
        {
            if (JsonNode.Parse(answer) is not JsonObject document) return answer;
            document.Remove("secret");
            return Encoding.UTF8.GetBytes(document.ToJsonString());
        }
        catch (JsonException)
        {
            return answer;
        }
    }
}
