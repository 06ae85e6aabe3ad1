using Microsoft.AspNetCore.Http;

namespace Metering.Service.Access;

/// <summary>What a request brings to be known by.</summary>
internal static class Credential
{
    private const string Scheme = "Bearer ";

    /// <summary>The text after <c>Authorization: Bearer</c>; null: there is none.</summary>
    public static string? Bearer(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : null;
    }

    /// <summary>True for what has the form of a JSON web token: a header object in base64 and two dots.</summary>
    public static bool IsToken(string text) => text.StartsWith("ey", StringComparison.Ordinal) && text.Count(c => c == '.') == 2;
}
