using System.Text.Json;
using Google.Protobuf;
using Metering.Identity;
using Metering.Messages;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Ingest;

/// <summary><c>POST /v1/usage-batches</c> and the answer to an agent that asks how far the ledger is.</summary>
internal static class IngestEndpoints
{
    private const string Protobuf = "application/x-protobuf";
    private const int MaxBody = 8 << 20;
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true)), Strict = new(JsonParser.Settings.Default);

    /// <param name="Batch">Its place in the request, from 0.</param>
    /// <param name="QuarantineId">Its id in <c>/v1/quarantine</c>.</param>
    /// <param name="Ignored">What of it is no field; null: nothing, or it was protobuf.</param>
    internal sealed record KeptBatch(int Batch, long? QuarantineId, string Detail, string? Ignored);

    public static void MapIngest(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1").WithTags("Ingest").RequireAuthorization(Roles.MayShip);
        group.MapPost("/usage-batches", Post).WithSummary("Takes one batch or {\"batches\":[…]}, as JSON or protobuf; answers after the commit")
            .Accepts<UsageBatchDocument>("application/json", Protobuf).Produces<DownlinkDocument>().ProducesProblem(409).ProducesProblem(422).ProducesProblem(503);
        group.MapGet("/agents/{host}/downlink", Downlink).WithSummary("How far the ledger has committed an agent's epoch").Produces<DownlinkDocument>();
    }

    private static async Task<IResult> Post(HttpRequest request, Caller caller, IIngest ingest, LedgerStore store, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, cancel);
        if (buffer.Length > MaxBody) return Problems.Refused(StatusCodes.Status413PayloadTooLarge, $"The body has {buffer.Length} bytes; send at most {MaxBody} at once.");
        var body = buffer.ToArray();
        var isProtobuf = request.ContentType?.StartsWith(Protobuf, StringComparison.OrdinalIgnoreCase) == true ||
            request.ContentType?.StartsWith("application/protobuf", StringComparison.OrdinalIgnoreCase) == true;
        List<byte[]> batches;
        try
        {
            batches = isProtobuf ? [body] : ParseJson(body);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException or JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            return Problems.Invalid($"The body is not a UsageBatch in JSON: {e.Message}");
        }

        if (batches.Count == 0) return Problems.Invalid("The body has no batch.");
        try
        {
            var any = caller.Role == Roles.Admin || (caller.Role == Roles.Agent && caller.Host is null);
            var answers = await Task.WhenAll(batches.ConvertAll(bytes => ingest.CommitAsync(new Delivery(bytes, "http", caller.Host, MayClaimAnyHost: any), cancel)));
            return Answer(request, answers, await KeptAsync(store, batches, answers, isProtobuf ? null : body, cancel));
        }
        catch (LedgerUnavailableException e)
        {
            return Problems.Unavailable(e.Message);
        }
    }

    private static List<byte[]> ParseJson(byte[] body)
    {
        using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 32 });
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new FormatException("it is no object.");
        var elements = document.RootElement.TryGetProperty("batches", out var list) ? [.. list.EnumerateArray()] : new List<JsonElement> { document.RootElement };
        return elements.ConvertAll(element => Parser.Parse<UsageBatch>(element.GetRawText()).ToByteArray());
    }

    // What was kept aside for its content: where it is found, and what of JSON was passed over, which may be all that is wrong with it.
    private static async Task<List<KeptBatch>> KeptAsync(LedgerStore store, List<byte[]> batches, IngestAnswer[] answers, byte[]? json, CancellationToken cancel)
    {
        var kept = new List<KeptBatch>();
        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i].Result != IngestResult.Quarantined) continue;
            await using var connection = await store.OpenReadAsync(cancel);
            await using var command = Verification.VerifyRun.Command(connection, "SELECT id FROM quarantine WHERE hash = @hash", ("@hash", BatchHash.Of(batches[i])));
            var id = await command.ExecuteScalarAsync(cancel);
            kept.Add(new KeptBatch(i, id is null or DBNull ? null : Convert.ToInt64(id, System.Globalization.CultureInfo.InvariantCulture), answers[i].Reason ?? "", json is null ? null : Ignored(json, i)));
        }

        return kept;
    }

    private static string? Ignored(byte[] json, int batch)
    {
        using var document = JsonDocument.Parse(json);
        var element = document.RootElement.TryGetProperty("batches", out var list) ? list[batch] : document.RootElement;
        try
        {
            Strict.Parse<UsageBatch>(element.GetRawText());
            return null;
        }
        catch (InvalidProtocolBufferException e)
        {
            return $"A field is none of a UsageBatch and was passed over: {e.Message}";
        }
    }

    // One answer for the request: the mark after all of it, every refusal, and how many were there already.
    private static IResult Answer(HttpRequest request, IngestAnswer[] answers, List<KeptBatch> kept)
    {
        var total = new Downlink();
        foreach (var answer in answers)
        {
            if (answer.Downlink is not { } downlink) continue;
            if (downlink.AgentEpoch.Length > 0) (total.AgentEpoch, total.CommittedSequence) = (downlink.AgentEpoch, downlink.CommittedSequence);
            total.Duplicates += downlink.Duplicates;
            total.Refused.Add(downlink.Refused);
        }

        foreach (var answer in answers)
        {
            if (answer.Downlink is null && answer.Reason is not null) total.Refused.Add(new Refusal { Reason = answer.Reason });
        }

        var fork = answers.Any(answer => answer.Result == IngestResult.Refused && answer.Reason?.StartsWith("fork", StringComparison.Ordinal) == true);
        var identity = answers.Any(answer => answer.Result == IngestResult.Refused && answer.Reason?.StartsWith("identity", StringComparison.Ordinal) == true);
        var invalid = answers.Any(answer => answer.Result == IngestResult.Quarantined);
        var status = fork ? 409 : identity ? 403 : invalid ? 422 : 200;
        if (request.Headers.Accept.ToString().Contains(Protobuf, StringComparison.OrdinalIgnoreCase)) return new ProtobufResult(total, status);
        if (status == 200) return TypedResults.Ok(Document(total));
        return Results.Problem(statusCode: status, type: fork ? "urn:metering:problem:fork" : identity ? "urn:metering:problem:identity" : "urn:metering:problem:invalid-batch",
            title: fork ? "Other content is known under these numbers" : identity ? "The key may not speak for this host" : "The batch is quarantined",
            detail: string.Join(" ", total.Refused.Select(refusal => refusal.Reason).Concat(kept.Select(one => one.Ignored).OfType<string>())),
            extensions: new Dictionary<string, object?>
            {
                ["agentEpoch"] = total.AgentEpoch,
                ["committedSequence"] = total.CommittedSequence,
                ["duplicates"] = total.Duplicates,
                ["refused"] = Document(total).Refused,
                ["quarantined"] = kept,
            });
    }

    private static async Task<IResult> Downlink(string host, string? epoch, HttpRequest request, Caller caller, LedgerStore store, ICommandSource commands, CancellationToken cancel)
    {
        if (caller.Role == Roles.Agent && caller.Host is not null && caller.Host != host) return Problems.Unknown("host", host);
        var downlink = await DownlinkQuery.FindAsync(store, host, epoch, cancel);
        if (downlink is null) return Problems.Unknown("agent of host", host);
        downlink.Commands.AddRange(commands.For(host));
        return request.Headers.Accept.ToString().Contains(Protobuf, StringComparison.OrdinalIgnoreCase) ? new ProtobufResult(downlink, 200) : TypedResults.Ok(Document(downlink));
    }

    // Numbers as numbers: every reader of protobuf's JSON mapping takes them, and so does everyone else.
    private static DownlinkDocument Document(Downlink downlink) => new(downlink.AgentEpoch, downlink.CommittedSequence, downlink.Duplicates,
        [.. downlink.Refused.Select(refusal => new DownlinkDocument.RefusalDocument(refusal.Sequence, refusal.Reason))]);

    private sealed class ProtobufResult(Downlink downlink, int status) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.ContentType = Protobuf;
            await httpContext.Response.Body.WriteAsync(downlink.ToByteArray());
        }
    }
}
