namespace Metering.Service.Alerts;

/// <summary>One event on its way to one webhook. Recorded in the transaction that saw the crossing, sent afterwards.</summary>
public sealed class Delivery
{
    public const string Pending = "pending", Delivered = "delivered", Dead = "dead";

    public long Id { get; set; }

    public string Webhook { get; set; } = "";

    /// <summary>The <c>webhook-id</c>; the same for every attempt.</summary>
    public string EventId { get; set; } = "";

    public byte[] Body { get; set; } = [];

    public long CreatedAt { get; set; }

    public string State { get; set; } = Pending;

    public int Attempts { get; set; }

    public long NextAttemptAt { get; set; }

    public int? LastStatus { get; set; }

    public string? LastError { get; set; }

    /// <summary>1: says again what was said; forgotten soon.</summary>
    public long Resend { get; set; }
}
