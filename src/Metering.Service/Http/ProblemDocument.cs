namespace Metering.Service.Http;

/// <summary>An error as every route answers it (RFC 9457), for the API document. Some types have members of their own beside these.</summary>
/// <param name="Type">Stable; <c>urn:metering:problem:…</c>.</param>
/// <param name="Title">What the type means.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Detail">The cause and the remedy.</param>
/// <param name="Faults">Of content that breaks rules: every fault.</param>
/// <param name="Errors">The same by field.</param>
/// <param name="TraceId">Finds the request in the service's log.</param>
internal sealed record ProblemDocument(string Type, string Title, int Status, string Detail, IReadOnlyList<string>? Faults = null, IReadOnlyList<ProblemDocument.Error>? Errors = null, string? TraceId = null)
{
    /// <param name="Pointer">JSON pointer into the document (RFC 6901).</param>
    internal sealed record Error(string Pointer, string Field, string Detail);
}
