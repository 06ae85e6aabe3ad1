using System.Text.Json;

namespace Metering.Service.Ui;

/// <summary>What a route answered to a page.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">The body; empty when there is none.</param>
/// <param name="Tag">The <c>ETag</c> of a document that can be changed; null: there is none.</param>
public sealed record PageAnswer(int Status, string Text, string? Tag = null)
{
    public bool IsFine => Status is >= 200 and < 300;

    /// <summary>Cause and remedy in words, of an answer that is not fine; otherwise empty.</summary>
    public string Fault
    {
        get
        {
            if (IsFine) return "";
            if (Status == 412) return "Somebody else has changed or made it meanwhile; load the page again, look at what it is now, and make the change to that.";
            try
            {
                using var problem = JsonDocument.Parse(Text);
                if (problem.RootElement.TryGetProperty("detail", out var detail) && detail.GetString() is { Length: > 0 } said) return PageWords.Of(said);
            }
            catch (JsonException)
            {
                // No problem document: the status is all there is to tell.
            }

            return $"The service answered {Status}. Try again; its log has the details.";
        }
    }

    /// <summary>The body as a document. Throws <see cref="PageRefusedException"/> when the answer is not fine.</summary>
    public T Read<T>() => IsFine ? JsonSerializer.Deserialize<T>(Text, PageApi.Json)! : throw new PageRefusedException(Status, Fault);
}
