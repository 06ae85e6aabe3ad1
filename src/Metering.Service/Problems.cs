using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Metering.Service;

/// <summary>Errors of the API (RFC 9457). The type is stable; the detail tells cause and remedy.</summary>
internal static class Problems
{
    private const string Prefix = "urn:metering:problem:";

    public static ProblemHttpResult Invalid(string detail) => Make(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid", detail);

    public static ProblemHttpResult Rule(IReadOnlyCollection<string> faults) => TypedResults.Problem(
        type: Type("rule-broken"), title: "The content breaks a rule", detail: string.Join(" ", faults), statusCode: StatusCodes.Status422UnprocessableEntity,
        extensions: new Dictionary<string, object?> { ["faults"] = faults });

    /// <summary>Every fault, as texts and as JSON pointers into the document.</summary>
    public static ProblemHttpResult Rule(IReadOnlyCollection<Fault> faults) => Listed(StatusCodes.Status422UnprocessableEntity, "rule-broken", "The content breaks a rule", faults);

    /// <summary>A period that can not be closed yet, with all that stands in the way.</summary>
    public static ProblemHttpResult NotReady(IReadOnlyCollection<Fault> faults) => TypedResults.Problem(
        type: Type("period-not-ready"), title: "The period can not be closed yet", detail: string.Join(" ", faults), statusCode: StatusCodes.Status409Conflict,
        extensions: new Dictionary<string, object?> { ["faults"] = faults.Select(fault => fault.ToString()).ToArray() });

    public static ProblemHttpResult Unknown(string what, string id) => Make(StatusCodes.Status404NotFound, "unknown", "There is no such thing", $"There is no {what} '{id}'.");

    public static ProblemHttpResult Conflict(string detail) => Make(StatusCodes.Status409Conflict, "conflict", "It conflicts with what is recorded", detail);

    public static ProblemHttpResult Unavailable(string detail) => Make(StatusCodes.Status503ServiceUnavailable, "unavailable", "The ledger can not be used now", detail);

    /// <summary>A change that depends on what was read before, which is something else now.</summary>
    public static ProblemHttpResult Changed(string detail) => Make(StatusCodes.Status412PreconditionFailed, "changed", "It is not what the request expects", detail);

    /// <summary>Several of them, at their places.</summary>
    public static ProblemHttpResult Changed(IReadOnlyCollection<Fault> faults) => Listed(StatusCodes.Status412PreconditionFailed, "changed", "It is not what the request expects", faults);

    /// <summary>An <c>Idempotency-Key</c> that stands for another request.</summary>
    public static ProblemHttpResult KeyReused(string detail) => Make(StatusCodes.Status422UnprocessableEntity, "idempotency-key-reused", "The idempotency key stands for another request", detail);

    public static ProblemHttpResult TooMany(string detail) => Make(StatusCodes.Status429TooManyRequests, "too-many", "Too many requests", detail);

    public static ProblemHttpResult Forbidden(string detail) => Make(StatusCodes.Status403Forbidden, "forbidden", "The key may not do this", detail);

    public static ProblemHttpResult Unauthorized() =>
        Make(StatusCodes.Status401Unauthorized, "unauthorized", "A key is needed", "Send 'Authorization: Bearer KEY'; 'metering up' writes one to admin.key in its data directory.");

    /// <summary>What the server refuses before an endpoint sees it: too large, cut short, a parameter of the wrong kind.</summary>
    public static ProblemHttpResult Refused(int status, string detail) => Make(status, Name(status), "The request is not valid", detail);

    /// <summary>Gives the framework's own problems a type of ours, by status, and a detail with the remedy.</summary>
    public static void Stabilise(ProblemDetails problem, HttpResponse response)
    {
        var status = problem.Status ?? StatusCodes.Status500InternalServerError;
        if (problem.Type?.StartsWith(Prefix, StringComparison.Ordinal) != true) problem.Type = Type(Name(status));
        problem.Detail ??= status switch
        {
            StatusCodes.Status403Forbidden => "The credential's role may not do this; an administrator can make a key of another role with 'metering keys create'.",
            StatusCodes.Status404NotFound => "There is no such path; /docs lists the routes.",
            StatusCodes.Status405MethodNotAllowed => $"The path is there, the method is not; it takes {response.Headers.Allow}.",
            StatusCodes.Status413PayloadTooLarge => "The body is larger than the route takes; send it in parts.",
            StatusCodes.Status415UnsupportedMediaType => "The body is of a kind that the route does not read; send JSON with 'Content-Type: application/json'.",
            >= 500 => "The service's log has the details.",
            _ => "The request is not as /docs describes it.",
        };
    }

    private static string Name(int status) => status switch
    {
        StatusCodes.Status404NotFound => "unknown",
        StatusCodes.Status405MethodNotAllowed => "method-not-allowed",
        StatusCodes.Status413PayloadTooLarge => "too-large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported-media-type",
        StatusCodes.Status429TooManyRequests => "too-many",
        StatusCodes.Status403Forbidden => "forbidden",
        StatusCodes.Status401Unauthorized => "unauthorized",
        >= 500 => "internal",
        _ => "invalid-request",
    };

    private static ProblemHttpResult Make(int status, string type, string title, string detail) =>
        TypedResults.Problem(type: Type(type), title: title, detail: detail, statusCode: status);

    private static ProblemHttpResult Listed(int status, string type, string title, IReadOnlyCollection<Fault> faults) => TypedResults.Problem(
        type: Type(type), title: title, detail: string.Join(" ", faults), statusCode: status,
        extensions: new Dictionary<string, object?>
        {
            ["faults"] = faults.Select(fault => fault.ToString()).ToArray(),
            ["errors"] = faults.Select(fault => new { pointer = fault.Pointer, field = fault.Field, detail = fault.Message }).ToArray(),
        });

    private static string Type(string name) => Prefix + name;
}
