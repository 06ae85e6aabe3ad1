using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Metering.Service;

/// <summary>Errors of the API (RFC 9457). The type is stable; the detail tells cause and remedy.</summary>
internal static class Problems
{
    public static ProblemHttpResult Invalid(string detail) => Make(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid", detail);

    public static ProblemHttpResult Rule(IReadOnlyCollection<string> faults) => TypedResults.Problem(
        type: Type("rule-broken"), title: "The content breaks a rule", detail: string.Join(" ", faults), statusCode: StatusCodes.Status422UnprocessableEntity,
        extensions: new Dictionary<string, object?> { ["faults"] = faults });

    public static ProblemHttpResult Unknown(string what, string id) => Make(StatusCodes.Status404NotFound, "unknown", "There is no such thing", $"There is no {what} '{id}'.");

    public static ProblemHttpResult Conflict(string detail) => Make(StatusCodes.Status409Conflict, "conflict", "It conflicts with what is recorded", detail);

    public static ProblemHttpResult Unavailable(string detail) => Make(StatusCodes.Status503ServiceUnavailable, "unavailable", "The ledger can not be used now", detail);

    public static ProblemHttpResult Forbidden(string detail) => Make(StatusCodes.Status403Forbidden, "forbidden", "The key may not do this", detail);

    public static ProblemHttpResult Unauthorized() =>
        Make(StatusCodes.Status401Unauthorized, "unauthorized", "A key is needed", "Send 'Authorization: Bearer KEY'; 'metering up' writes one to admin.key in its data directory.");

    private static ProblemHttpResult Make(int status, string type, string title, string detail) =>
        TypedResults.Problem(type: Type(type), title: title, detail: detail, statusCode: status);

    private static string Type(string name) => "urn:metering:problem:" + name;
}
